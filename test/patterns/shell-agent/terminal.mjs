// A terminal over a WebSocket: standard input is typed, what the shell writes comes out.
const [url, token] = process.argv.slice(2);
const socket = new WebSocket(url, [
  `lambda-microvms.authentication.${token}`,
  'lambda-microvms',
  'lambda-microvms.port.8022',
]);
socket.binaryType = 'arraybuffer';
socket.addEventListener('open', () => {
  socket.send(
    JSON.stringify({ type: 'resize', cols: process.stdout.columns ?? 120, rows: process.stdout.rows ?? 40 }),
  );
  process.stdin.on('data', (bytes) => socket.send(bytes));
});
socket.addEventListener('message', ({ data }) => {
  if (typeof data !== 'string') process.stdout.write(Buffer.from(data));
});
socket.addEventListener('close', ({ code, reason }) => {
  console.error(`closed ${code} ${reason}`);
  process.exit(code === 1000 ? 0 : 1);
});
