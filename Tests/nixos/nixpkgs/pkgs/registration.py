"""Prints the closure in .attrs.json, which Nix has written there, as text for nix-store --load-db."""
import json

for entry in json.load(open(".attrs.json"))["closure"]:
    references = entry["references"]
    print("\n".join([entry["path"], entry["narHash"], str(entry["narSize"]), "", str(len(references))] + references))
