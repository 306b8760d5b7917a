"""The core's figures on recorded sound, with other detectors on the same sound: `./run bench`."""
