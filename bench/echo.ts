/** The reference for round trips: answers every line of JSON with the same, one write a line. */
import { createServer } from 'node:net';

const server = createServer((socket) => {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('error', () => undefined);
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) socket.write(`${JSON.stringify(JSON.parse(line))}\n`);
  });
});

process.once('disconnect', () => {
  process.exit();
});
server.listen(process.argv[2], () => process.send?.('listening'));
