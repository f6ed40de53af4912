"""What is measured. Each takes a fresh client connection to a shell, raw bytes both ways."""

import os
import socket
import struct
import threading
import time

PIECE = bytes(256 << 10)


def send(connection, count):
    while count > 0:
        count -= connection.send(memoryview(PIECE)[: min(count, len(PIECE))])


def send_quietly(connection, count):
    """The same where somebody else notices that nothing goes on."""
    try:
        send(connection, count)
    except OSError:
        pass


def receive(connection, count):
    buffer = bytearray(256 << 10)
    while count > 0:
        got = connection.recv_into(buffer, min(count, len(buffer)))
        if got == 0:
            raise SystemExit("a connection ended early")
        count -= got


def say(connection, line):
    """Runs one line in the shell, which says when it has read it: what is sent after that is the command's."""
    connection.sendall(f"echo go; {line}\n".encode())
    receive(connection, 3)


def to_guest(connection, count):
    """Bytes per second from the client to a command."""
    say(connection, f"head -c {count} >/dev/null; echo")
    started = time.perf_counter()
    send(connection, count)
    receive(connection, 1)
    return count / (time.perf_counter() - started)


def from_guest(connection, count):
    """Bytes per second from a command to the client."""
    started = time.perf_counter()
    connection.sendall(f"head -c {count} /dev/zero\n".encode())
    receive(connection, count)
    return count / (time.perf_counter() - started)


def there_and_back(connection, count):
    """Bytes per second to `cat`, all of which come back."""
    say(connection, "exec cat")
    return echoed(connection, count)


def echoed(connection, count):
    """The same, to a far end that sends back what it gets."""
    started = time.perf_counter()
    sender = threading.Thread(target=send_quietly, args=(connection, count))
    sender.start()
    receive(connection, count)
    sender.join()
    return count / (time.perf_counter() - started)


def round_trips(connection, count):
    """Seconds that each of so many bytes took to `cat` and back, one after the other."""
    say(connection, "exec cat")
    return echoed_trips(connection, count)


def echoed_trips(connection, count):
    """The same, to a far end that sends back what it gets."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        connection.send(b"x")
        connection.recv(1)
        times.append(time.perf_counter() - started)
    return times


def part(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def field(tag, value):
    return struct.pack(">BI", tag, len(value)) + value


def exec_request(*words):
    """A `command` frame, without input: docs/protocol.md."""
    return field(0x10, b"".join(field(1, word.encode()) for word in words) + field(4, b""))


def opened_per_second(proxy, guest, service, count, at_once, request=b""):
    """Streams of `service` that are opened, and ended by the client, per second. With a request, each is read to its end."""
    started = time.perf_counter()
    for _ in range(count // at_once):
        connections = []
        for _ in range(at_once):
            connection = proxy.request(guest, service)
            if request:
                connection.sendall(request)
            connections.append(connection)
        for connection in connections:
            proxy.answer(connection)
            while request and connection.recv(4096):
                pass
            connection.close()
    return count // at_once * at_once / (time.perf_counter() - started)


class Acceptor:
    """A process that takes connections at an abstract UNIX socket, and holds them or ends them at once."""

    def __init__(self, holds):
        name = f"vm-bench-{os.getpid()}-{holds}"
        self.target = f"connect:unix:@{name}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0" + name)
        listener.listen(4096)
        self.pid = os.fork()
        if self.pid == 0:
            held = []
            listener.setblocking(True)
            while True:
                connection, _ = listener.accept()
                if holds:
                    held.append(connection)
                else:
                    connection.close()
        listener.close()

    def close(self):
        os.kill(self.pid, 15)
        os.waitpid(self.pid, 0)
