"""The two ways from a socket file to a shell that are compared: the 2010 socat, and the proxy with agents."""

import os
import signal
import socket
import subprocess
import time


def end(process):
    """Ends a process that was started here, and waits for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(path, process):
    """Waits until a socket file is there."""
    deadline = time.monotonic() + 30
    while not os.path.exists(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"no {path} appears")
        time.sleep(0.01)


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    # Waits while the listener's queue is full, which a socket with a time limit does not.
    connection.connect(path)
    connection.settimeout(100)
    return connection


class Socat:
    """The 2010 way: `socat UNIX-LISTEN:./shell UNIX-LISTEN:NAME.socket,fork`, and at the far end a shell. With `pair`, that is
    the child of a second socat, as the agent's shell is the agent's; without, the far end's socket is the shell's own. One
    client is served, so there is one of these for each measurement."""

    def __init__(self, directory, pair):
        self.shell_path = f"{directory}/shell"
        self.path = f"{directory}/vm.socket"
        self.socat = subprocess.Popen(["socat", f"UNIX-LISTEN:{self.shell_path}", f"UNIX-LISTEN:{self.path},fork"])
        wait_for(self.shell_path, self.socat)
        if pair:
            self.shell = subprocess.Popen(["socat", f"UNIX-CONNECT:{self.shell_path}", "EXEC:bash,pipes"])
        else:
            far = connect(self.shell_path)
            far.setblocking(True)
            self.shell = subprocess.Popen(["bash"], stdin=far, stdout=far)
            far.close()
        wait_for(self.path, self.socat)

    def client(self):
        return connect(self.path)

    def close(self):
        end(self.shell)
        end(self.socat)
        for path in (self.shell_path, self.path):
            if os.path.exists(path):
                os.unlink(path)


class Proxy:
    """The real proxy, and agents on socket pairs, passed to it as QEMU's helper passes each connection of a guest."""

    def __init__(self, directory, proxy, agent, guests):
        self.directory = directory
        self.control_path = f"{directory}/vm-proxy.socket"
        self.path = f"{directory}/{guests[0]}.socket"
        words = [word for guest in guests for word in ("--guest", guest)]
        reader, writer = os.pipe()
        self.proxy = subprocess.Popen(
            [proxy, "--directory", directory, "--log-level", "error", "--ready-fd", str(writer), *words], pass_fds=[writer])
        os.close(writer)
        if os.read(reader, 1) != b"\n":
            raise SystemExit("the proxy does not start")
        os.close(reader)
        self.agents = []
        for guest in guests:
            ours, theirs = socket.socketpair()
            # As `vm-proxy link` does, without the time that starting it takes.
            with connect(f"{directory}/.vm-proxy-links.socket") as links:
                socket.send_fds(links, [f"{guest}\n".encode()], [ours.fileno()])
            self.agents.append(
                subprocess.Popen([agent, "connect", "--descriptor", str(theirs.fileno())], pass_fds=[theirs.fileno()]))
            ours.close()
            theirs.close()

    def client(self):
        return connect(self.path)

    def request(self, guest, service):
        connection = connect(self.control_path)
        connection.sendall(f"CONNECT {guest} {service}\n".encode())
        return connection

    def answer(self, connection):
        line = connection.recv(3)
        if line != b"OK\n":
            raise SystemExit(f"the proxy answers {line + connection.recv(1000)!r}")

    def open(self, guest, service):
        connection = self.request(guest, service)
        self.answer(connection)
        return connection

    def memory(self):
        """Bytes of the proxy that are in memory."""
        with open(f"/proc/{self.proxy.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise SystemExit("the proxy is gone")

    def close(self):
        end(self.proxy)
        # An agent takes no notice of SIGTERM, which a guest's shutdown sends to all.
        for agent in self.agents:
            agent.kill()
            agent.wait()
