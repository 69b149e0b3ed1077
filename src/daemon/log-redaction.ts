/** Members that hold an environment, whoever named them: `env`, `environment`, `daemonEnv`, `envPairs`. */
const environmentName = /environ|^env|env$/i;
const hidden = '[an environment]';
const deepest = 6;
const longestText = 10_000;
const mostMembers = 200;

/**
 * Pure. What may be logged of a value: environments are hidden wherever they lie in it, errors are reduced to what
 * they say and our own data, and nothing is endless.
 */
export function forLog(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return shorten(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= deepest) return '[more]';
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.slice(0, mostMembers).map((item) => forLog(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return value.toISOString();
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, mostMembers)
      .map(([name, member]) => [name, environmentName.test(name) ? hidden : forLog(member, depth + 1)]),
  );
}

/** Other members of an error are left out: those of a failed command carry its options, its environment among them. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code, data, shortMessage } = error as Error & { code?: unknown; data?: unknown; shortMessage?: unknown };
  // The long message of a failed command quotes its output.
  const message = typeof shortMessage === 'string' ? shortMessage : error.message;
  return {
    type: error.name,
    message: shorten(message),
    stack: shorten((error.stack ?? '').replace(error.message, message)),
    ...(typeof code === 'string' && { code }),
    ...(data !== undefined && { data: forLog(data, depth + 1) }),
    ...describeInner(error, depth),
  };
}

/** The members by which an error holds others: one with a cause, an AggregateError, a SuppressedError. */
const innerNames = ['cause', 'errors', 'error', 'suppressed'] as const;

function describeInner(error: Partial<Record<(typeof innerNames)[number], unknown>>, depth: number) {
  const inner = innerNames.map((name) => [name, error[name]] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(inner.map(([name, value]) => [name, forLog(value, depth + 1)]));
}

const shorten = (text: string): string =>
  text.length <= longestText ? text : `${text.slice(0, longestText)}… (${text.length} characters)`;
