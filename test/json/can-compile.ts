import { compile } from '../../src/json/codegen.ts';

/** Whether this run of the tests makes code. */
export const CAN_COMPILE = compile([], '') !== undefined;
