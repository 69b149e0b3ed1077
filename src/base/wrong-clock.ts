import { readFileSync } from 'node:fs';

declare const __WTD_FAULTS__: boolean | undefined;

/** Takes `WTD_CLOCK=<file>`: by how many milliseconds the clock of this process alone goes wrong, asked every time. */
export function moveClock(environment: Readonly<Record<string, string | undefined>>): void {
  if (typeof __WTD_FAULTS__ !== 'boolean' || !__WTD_FAULTS__) return;
  const file = environment['WTD_CLOCK'];
  if (file === undefined) return;
  const RightDate = Date;
  const now = () => RightDate.now() + Number(readFileSync(file, 'latin1'));
  globalThis.Date = class extends RightDate {
    static override now = now;
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [now()] : given) as [number]));
    }
  } as DateConstructor;
}
