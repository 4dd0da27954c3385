// A chat room: whatever one sends, all receive, and who comes later gets the last lines first.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const history = [];
const server = createServer((_request, response) => response.end('Connect with a WebSocket client.\n'));
const room = new WebSocketServer({ server, maxPayload: 64 * 1024 });

room.on('connection', (socket) => {
  for (const line of history) socket.send(line);
  socket.on('message', (data) => {
    const line = data.toString();
    history.push(line);
    if (history.length > 50) history.shift();
    for (const other of room.clients) other.send(line);
  });
});
server.listen(8080, () => console.log('the room is open'));
