import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Appends a pattern to `info/exclude` (gitignore(5)), which belongs to the repository but not to its history. */
export async function excludeFromStatus(commonDir: string, pattern: string): Promise<void> {
  const file = join(commonDir, 'info', 'exclude');
  const text = await readFile(file, 'latin1').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  if (text.split('\n').includes(pattern)) return;
  await mkdir(join(commonDir, 'info'), { recursive: true });
  await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${pattern}\n`);
}
