"""Prints a machine of a network file as options of `vm run`, each ended by a NUL: options.py NETWORK.json NAME"""
import json
import sys

network = json.load(open(sys.argv[1]))
(machine,) = [vm for vm in network["vms"] if vm["name"] == sys.argv[2]]
options = ["--name", machine["name"], "--kernel", machine["kernel"], "--initrd", machine["initrd"]]
options += ["--system", machine["system"], "--store", machine["store"], "--memory", str(machine["memorySize"])]
options += ["--cores", str(machine["cores"]), "--disk-size", f"{machine['diskSize']}M", "--accel", machine["accelerator"]]
options += ["--writable-store"] if machine["writableStore"] else []
for words in machine["kernelParameters"]:
    options += ["--append", words]
for registration in machine["pathsInNixDB"]:
    options += ["--register", registration]
sys.stdout.write("".join(option + "\0" for option in options))
