"""Drives one simulated BMC with sushy and prints, as one JSON object, what
sushy saw. The argument is a JSON object; see TestSushyDrivesTheMachine."""
import json
import os
import sys
import time

import sushy
import urllib3

urllib3.disable_warnings()
# python3-requests prefers these over what a session says.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
    os.environ.pop(name, None)
p = json.loads(sys.argv[1])
auth = {
    "basic": sushy.auth.BasicAuth,
    "session": sushy.auth.SessionAuth,
}[p["auth"]](p["user"], p["password"])
# verify is the CA's file, or False where the certificate is its own.
root = sushy.Sushy(p["url"], auth=auth, verify=p["ca"] or False)


def wait(what, ok):
    deadline = time.monotonic() + 10
    while not ok():
        if time.monotonic() > deadline:
            raise SystemExit("not within 10 s: " + what)
        time.sleep(0.01)


def power_is(state):
    def ok():
        system.refresh(force=True)
        return system.power_state == state
    return ok


seen = {"systems": sorted(s.identity for s in root.get_system_collection().get_members())
        if p["every_system"] else []}
system = root.get_system(p["system"])
seen["vendor"] = system.manufacturer
seen["power"] = system.power_state.value
seen["resets"] = sorted(r.value for r in system.get_allowed_reset_system_values())

system.set_system_boot_options(
    target=sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
    mode=sushy.BOOT_SOURCE_MODE_UEFI if p["mode"] else None)
system.refresh(force=True)
seen["override"] = [system.boot["target"].value, system.boot["enabled"].value]

system.reset_system(sushy.RESET_FORCE_OFF)
wait("off", power_is(sushy.POWER_STATE_OFF))


def turn_on():
    try:
        system.reset_system(sushy.RESET_ON)
    except sushy.exceptions.HTTPError as e:
        if e.status_code != 409:
            raise
        seen["conflicts"] = seen.get("conflicts", 0) + 1
        return False
    return True


wait("switched on", turn_on)
wait("on", power_is(sushy.POWER_STATE_ON))
seen["override_after_boot"] = system.boot["enabled"].value

manager = system.managers[0]
slots = {m.identity: m for m in manager.virtual_media.get_members()}
seen["slots"] = {i: [t.value for t in m.media_types or []] for i, m in slots.items()}
slot = slots[p["slot"]]
slot.insert_media("https://192.0.2.9/rescue.iso")


def inserted():
    slot.refresh(force=True)
    return slot.inserted


wait("inserted", inserted)
seen["image"] = slot.image
slot.eject_media()
slot.refresh(force=True)
seen["inserted_after_eject"] = slot.inserted

seen["drives"] = [[d.serial_number, d.capacity_bytes, d.status.health.value]
                  for s in system.storage.get_members() for d in s.drives]
if p["simple"]:
    seen["simple"] = [d.name for s in system.simple_storage.get_members() for d in s.devices]
seen["memory_gib"] = system.memory_summary.size_gib
seen["chassis"] = [c.identity for c in system.chassis]
seen["tasks"] = root.get_task_service().tasks.members_identities != ()
auth.close()
print(json.dumps(seen))
