/** For a run of the tests in which no code is made while they run: what is made for speed must change no result. */
import { vi } from 'vitest';

vi.mock('../src/json/codegen.ts', () => ({ compile: () => undefined, literal: JSON.stringify }));
