"""What systemd does with a socket unit and Restart=always: listens on two ports of 127.0.0.1, hands the sockets to a
command and starts it again whenever it ends, until standard input is closed. Prints the id of each process.
Usage: service-manager.py API-PORT ENDPOINT-PORT COMMAND..."""
import os
import signal
import socket
import subprocess
import sys
import threading

listeners = []
for port in sys.argv[1:3]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(128)
    listeners.append(listener)
# Where sd_listen_fds(3) wants them; copied above both first, lest one overwrites the other.
for number, copy in enumerate([os.dup(listener.fileno()) for listener in listeners]):
    os.dup2(copy, 10 + number)
for number in range(2):
    os.dup2(10 + number, 3 + number)

stopping = threading.Event()
child = None


def stop_at_end_of_input():
    sys.stdin.read()
    stopping.set()
    child.send_signal(signal.SIGTERM)


# A shell becomes the command and keeps the process id that it tells it.
script = 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=api:endpoint exec "$@"'
threading.Thread(target=stop_at_end_of_input, daemon=True).start()
while not stopping.is_set():
    command = ["sh", "-c", script, "sh", *sys.argv[3:]]
    child = subprocess.Popen(command, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    child.wait()
