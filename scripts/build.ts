/** Builds dist/: a small client that loads fast, and beside it the daemon, loaded only by `wtd daemon`. */
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { writeTable } from './compile-table.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

const common: esbuild.BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  define: { __WTD_VERSION__: JSON.stringify(version) },
  logLevel: 'warning',
};

/** The client knows the daemon only as a file beside it. */
const daemonApart: esbuild.Plugin = {
  name: 'daemon-apart',
  setup(build) {
    build.onResolve({ filter: /\/daemon\/daemon\.ts$/ }, () => ({ path: './daemon.mjs', external: true }));
  },
};

/** The package's index loads its server too, which a client never needs and which is a fifth of the whole client. */
const rpcClientOnly: esbuild.Plugin = {
  name: 'rpc-client-only',
  setup(build) {
    build.onResolve({ filter: /^json-rpc-2\.0$/ }, ({ resolveDir }) => ({
      path: 'json-rpc-2.0',
      namespace: 'client-only',
      pluginData: resolveDir,
    }));
    build.onLoad({ filter: /.*/, namespace: 'client-only' }, ({ pluginData }) => ({
      contents: ['models', 'client'].map((part) => `export * from 'json-rpc-2.0/dist/${part}.js';`).join('\n'),
      resolveDir: pluginData as string,
    }));
  },
};

/** CommonJS, because Node starts it 5 ms sooner than a module; and a table is drawn too seldom to bundle the package. */
async function buildClient(): Promise<void> {
  await esbuild.build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/main.js',
    format: 'cjs',
    minify: true,
    external: ['cli-table3'],
    plugins: [daemonApart, rpcClientOnly],
    banner: { js: '#!/usr/bin/env node' },
  });
  await writeFile('dist/package.json', '{ "type": "commonjs" }\n');
  await chmod('dist/main.js', 0o755);
}

async function buildDaemon(): Promise<void> {
  await esbuild.build({
    ...common,
    entryPoints: ['src/daemon/daemon.ts'],
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    packages: 'external',
  });
  await copyFile('src/daemon/runs/shim.sh', 'dist/shim.sh');
}

await writeTable();
await rm('dist', { recursive: true, force: true });
await buildClient();
await buildDaemon();
