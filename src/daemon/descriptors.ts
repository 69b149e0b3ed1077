import { readFileSync } from 'node:fs';

/** How many descriptors this process may have open; Infinity where the kernel does not tell. */
export function readMostDescriptors(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(?<soft>\d+)/m.exec(limits)?.groups?.['soft'] ?? Infinity);
  } catch {
    return Infinity;
  }
}
