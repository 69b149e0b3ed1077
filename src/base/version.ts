declare const __WTD_VERSION__: string | undefined;

/** The version of package.json, put in by the build; `0.0.0-source` when run from source. */
export const version = typeof __WTD_VERSION__ === 'string' ? __WTD_VERSION__ : '0.0.0-source';
