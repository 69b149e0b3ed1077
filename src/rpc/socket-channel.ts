import type { Socket } from 'node:net';
import type { Channel } from './channel.ts';

const probeIntervalMs = 1000;

/** What is written in one turn of the event loop leaves in one system call. */
export function socketChannel(socket: Socket): Channel {
  let unsent = '';
  const drainListeners: (() => void)[] = [];
  const drained = () => {
    for (const listener of drainListeners) listener();
  };
  const flush = () => {
    if (unsent === '' || !socket.writable) return;
    const text = unsent;
    unsent = '';
    socket.write(text, drained);
  };

  // Whoever only ended its sending (`nc -N`) still gets its answers.
  socket.allowHalfOpen = true;
  // 'close' follows every 'error' and is all that matters here.
  socket.on('error', () => undefined);
  socket.on('end', () => {
    probe(socket);
  });

  return {
    write(text) {
      if (!socket.writable) return;
      if (unsent === '') setImmediate(flush);
      unsent += text;
    },
    get unreadBytes() {
      return unsent.length + socket.writableLength;
    },
    onDrain(listener) {
      drainListeners.push(listener);
    },
    onData(listener) {
      socket.on('data', listener);
    },
    onEnd(listener) {
      socket.on('end', listener);
    },
    onClose(listener) {
      socket.on('close', listener);
    },
    pause() {
      socket.pause();
    },
    resume() {
      socket.resume();
    },
    end() {
      flush();
      socket.end();
    },
    destroy() {
      socket.destroy();
    },
  };
}

/** Both an ended and a vanished peer read as "end"; writing nothing fails (EPIPE) only when nobody is left to read. */
function probe(socket: Socket): void {
  const write = () => {
    if (socket.writable) socket.write('');
  };
  write();
  const timer = setInterval(write, probeIntervalMs).unref();
  socket.once('close', () => {
    clearInterval(timer);
  });
}
