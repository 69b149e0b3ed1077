import * as z from 'zod';

/** How a method appears on the command line. */
export interface CommandLine {
  /** Parameters given by position, in this order. */
  positional?: readonly string[];
  /** The parameter that takes everything after `--`. */
  rest?: string;
  /** The short form: `wtd start` for `wtd plan start`. */
  short?: string;
  /** One-letter flags. */
  letters?: Readonly<Record<string, string>>;
}

/** One entry of the table of methods: what it takes, what it answers, how it is called. */
export interface Method<P extends z.ZodObject = z.ZodObject, R extends z.ZodType = z.ZodType, I = undefined> {
  summary: string;
  params: P;
  /** Of a streaming method this is always `{ stream }`. */
  result: R;
  /** Set on a streaming method: the schema of its items. */
  item: I;
  /** It may take as long as somebody else needs; it is not counted among the calls in flight. */
  waits: boolean;
  cli: CommandLine;
}

interface Spec<P extends z.ZodRawShape> {
  summary: string;
  params: P;
  waits?: boolean;
  cli?: CommandLine;
}

/** Declares a method with one answer. Unknown parameters are refused. */
export function method<P extends z.ZodRawShape, R extends z.ZodType>(
  spec: Spec<P> & { result: R },
): Method<z.ZodObject<P, z.core.$strict>, R> {
  return {
    summary: spec.summary,
    params: z.strictObject(spec.params),
    result: spec.result,
    item: undefined,
    waits: spec.waits ?? false,
    cli: spec.cli ?? {},
  };
}

const streamHandle = z.object({ stream: z.string() });

/** Declares a method that answers with a stream of items. */
export function stream<P extends z.ZodRawShape, I extends z.ZodType>(
  spec: Spec<P> & { item: I },
): Method<z.ZodObject<P, z.core.$strict>, typeof streamHandle, I> {
  return {
    summary: spec.summary,
    params: z.strictObject(spec.params),
    result: streamHandle,
    item: spec.item,
    waits: false,
    cli: spec.cli ?? {},
  };
}
