#!/usr/bin/env node
/* global require, __dirname */
/* eslint-disable @typescript-eslint/no-require-imports -- Node starts CommonJS sooner */
// Becomes dist/main.js. It takes the client from V8's code cache, because compiling it costs a third of what the client
// adds to Node's own start. V8 rejects the cache of another Node, and compiles the client as ever.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/client.js`;
const cachedData = readFileSync(`${__dirname}/client.cache`);
const client = new Script(readFileSync(filename, 'utf8'), { filename, cachedData });
client.runInThisContext()(require, (name) => import(`./${name}.mjs`));
