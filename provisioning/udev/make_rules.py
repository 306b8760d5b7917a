"""Writes 60-turnlight-lamps.rules from the list of lights that busylight-core knows."""

from __future__ import annotations

from pathlib import Path

from busylight_core import BusyTag, FitStatUSB, Light, MuteSync

SERIAL = (BusyTag, FitStatUSB, MuteSync)
"""These are serial ports to the kernel, and one has the number of a common adapter cable."""

HEAD = """\
# The USB lights that Turnlight can drive, for the group plugdev and for who sits at the machine.
# Made by provisioning/udev/make_rules.py. Install it with
#   cp 60-turnlight-lamps.rules /etc/udev/rules.d/ && udevadm control --reload && udevadm trigger
# Not in this list: Busy Tag, fit-statUSB and MuteSync. They are serial ports (group dialout).
"""


def rules() -> str:
    """The whole file."""
    lights = {
        number: f"{make.vendor()} {name}"
        for make in Light.subclasses()
        if make not in SERIAL
        for number, name in make.supported_device_ids.items()
    }
    lines = [HEAD]
    for (vendor, product), name in sorted(lights.items(), key=lambda light: (light[1], light[0])):
        lines.append(f"# {name}")
        for device, attribute in (('SUBSYSTEM=="usb"', "ATTR"), ('KERNEL=="hidraw*"', "ATTRS")):
            lines.append(
                f'{device}, {attribute}{{idVendor}}=="{vendor:04x}", '
                f'{attribute}{{idProduct}}=="{product:04x}", '
                'GROUP="plugdev", MODE="0660", TAG+="uaccess"'
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("60-turnlight-lamps.rules").write_text(rules())
