/** Builds dist/: a small client that loads fast, and beside it the daemon, loaded only by `wtd daemon` and `wtd service`. */
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import * as esbuild from 'esbuild';
import { writeTable } from './compile-table.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

/** `--faults`: with the fault points of src/base/fault-point.ts in it, for tests alone, and in a place of its own. */
const hasFaults = process.argv.includes('--faults');
const place = hasFaults ? 'dist-faults' : 'dist';
/** Built beside and put in place at last, so that whoever runs it meanwhile finds it whole. */
const fresh = `${place}.new`;

const common: esbuild.BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  define: { __WTD_VERSION__: JSON.stringify(version), __WTD_FAULTS__: String(hasFaults) },
  logLevel: 'warning',
};

/** Files of src/daemon/ that become files of their own in dist/, and what the client calls in each. */
const daemonSide = { daemon: 'runDaemon', 'service-assembly': 'openService' };

/** The client knows the daemon only as something that scripts/launch.js can import: code from a cache cannot. */
const daemonApart: esbuild.Plugin = {
  name: 'daemon-apart',
  setup(build) {
    for (const [file, name] of Object.entries(daemonSide)) {
      build.onLoad({ filter: new RegExp(`/src/daemon/${file}\\.ts$`) }, () => ({
        contents: `export const ${name} = async (...given) => (await importDaemon('${file}')).${name}(...given);`,
      }));
    }
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
    outfile: `${fresh}/client.js`,
    format: 'cjs',
    minify: true,
    external: ['cli-table3'],
    plugins: [daemonApart, rpcClientOnly],
    supported: { 'dynamic-import': false },
    banner: { js: '(function (require, importDaemon) {' },
    footer: { js: '})' },
  });
  await writeFile(`${fresh}/package.json`, '{ "type": "commonjs" }\n');
  await writeFile(
    `${fresh}/client.cache`,
    compileAhead(resolve(`${fresh}/client.js`), await readFile(`${fresh}/client.js`, 'utf8')),
  );
  await copyFile('scripts/launch.js', `${fresh}/main.js`);
  await chmod(`${fresh}/main.js`, 0o755);
}

/** V8's code of every function: the client runs once, so that each one compiled late would be compiled in vain. */
function compileAhead(filename: string, source: string): Buffer {
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename });
  // Before the cache is made, because V8 takes it only where its flags are those that it was made with.
  setFlagsFromString('--lazy');
  return script.createCachedData();
}

const requireForBundledCommonJs =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

async function buildDaemon(): Promise<void> {
  await esbuild.build({
    ...common,
    entryPoints: Object.keys(daemonSide).map((file) => `src/daemon/${file}.ts`),
    outdir: fresh,
    format: 'esm',
    splitting: true,
    minifySyntax: true, // calls of functions that came to nothing go with it
    outExtension: { '.js': '.mjs' },
    // Bundled packages cost a third less memory than packages imported whole; these three load files of their own.
    external: ['better-sqlite3', 'pino', 'pidusage'],
    // Its modules: of its CommonJS build, imported late and bundled, nothing but the default export would be left.
    alias: { yaml: './node_modules/yaml/browser/index.js' },
    banner: { js: requireForBundledCommonJs },
  });
  for (const script of ['shim.sh', 'scope.sh']) await copyFile(`src/daemon/runs/${script}`, `${fresh}/${script}`);
}

await writeTable();
await rm(fresh, { recursive: true, force: true });
await mkdir(fresh);
await buildClient();
await buildDaemon();
await rm(place, { recursive: true, force: true });
await rename(fresh, place);
