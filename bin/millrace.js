#!/usr/bin/env node
// Node 20 strips no types: tsx does, in this process, so that signals and exit codes need no forwarding.
import { register as registerHooks } from 'node:module';
import { register } from 'tsx/esm/api';

register();
// A pipeline file may lie where no package of this name is installed: it is run by this one, then.
registerHooks('./resolve-millrace.js', import.meta.url);
const { start } = await import('../src/runtime/cli/start.ts');
start();
