import { createServer } from 'node:net';

/** Listens on a port; undefined where the machine does not have that address. */
export async function tryListen(port: number, host: string): Promise<AsyncDisposable | undefined> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve, reject) => {
    server.once('listening', () => {
      resolve(true);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, ipv6Only: host.includes(':') });
  });
  if (!isListening) return undefined;
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
