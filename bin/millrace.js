#!/usr/bin/env node
// Node 20 strips no types: tsx does, in this process, so that signals and exit codes need no forwarding.
import { register } from 'tsx/esm/api';

register();
const { start } = await import('../src/runtime/cli/start.ts');
start();
