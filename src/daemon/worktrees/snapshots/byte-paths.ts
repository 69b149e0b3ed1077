/** Names of files are bytes. Here such a name is a string whose every character is one byte (Latin-1). */

/** The path of a file below a directory, for the file system. Pure. */
export const fullPath = (directory: string, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, 'latin1')]);

/** As git reads names that stand on a line of their own, whatever is in them. Pure. */
export const quoted = (path: string): string =>
  `"${path.replace(/["\\\p{Cc}]/gu, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)}"`;

/** Like quoted, for a path as the rest of Node knows it. Pure. */
export const quotedText = (path: string): string => quoted(Buffer.from(path).toString('latin1'));

/** Whether a name, which somebody may have forged, stays inside the directory that it is joined to. Pure. */
export const staysInside = (path: string): boolean =>
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/^\.git$/i.test(part));
