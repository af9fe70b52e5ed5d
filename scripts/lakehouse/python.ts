/** Python with the reference readers of Parquet: pyarrow and DuckDB, in a virtual environment that is kept from run to run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const INSTALL_MS = 300_000;
const OUTPUT_BYTES = 64 * 1024 * 1024;

export interface LakehousePython {
  /** Path of the interpreter; empty where it is not to be had. */
  readonly python: string;
  /** Why it is not to be had, in one line; empty where it is. */
  readonly missing: string;
}

/** Sets it up at the first call on a machine, which takes some ten seconds. */
export function lakehousePython(): LakehousePython {
  const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 8);
  const folder = join(tmpdir(), `millrace-lakehouse-${wanted}`);
  const python = join(folder, 'bin/python');
  if (existsSync(python)) return { python, missing: '' };
  // Built aside and renamed: whoever finds the folder finds it complete.
  const building = mkdtempSync(`${folder}-`);
  const pip = [join(building, 'bin/python'), '-m', 'pip', 'install', '-q', '--disable-pip-version-check'];
  const steps = [
    ['python3', '-m', 'venv', building],
    [...pip, '-r', REQUIREMENTS],
  ];
  for (const [command, ...args] of steps) {
    const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_MS });
    if (status === 0) continue;
    rmSync(building, { recursive: true, force: true });
    const reason = error?.message ?? stderr.trim().split('\n').at(-1)!;
    return { python: '', missing: `python3 with venv and pip, pyarrow and duckdb are needed (${reason})` };
  }
  try {
    renameSync(building, folder);
  } catch (error) {
    // Somebody else was faster.
    rmSync(building, { recursive: true, force: true });
    if (!existsSync(python)) throw error;
  }
  return { python, missing: '' };
}

export interface LayerReport {
  /** One line a layer: how many rows, and whether they are as they must be. */
  readonly lines: readonly string[];
  readonly differences: readonly string[];
}

/** Runs compare.py, which computes every layer from the records of the topic and reads what is in the folder. */
export function compareLayers(python: string, args: readonly string[]): LayerReport {
  const script = join(import.meta.dirname, 'compare.py');
  const told = execFileSync(python, ['-B', script, ...args], { encoding: 'utf8', maxBuffer: OUTPUT_BYTES });
  return JSON.parse(told) as LayerReport;
}
