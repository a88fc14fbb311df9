"""check_sbom.py SBOM NOTICES: the bill of materials is valid against the schema of CycloneDX, strictly, and has every
crate that THIRD_PARTY_LICENSES has, which scripts/check-package compares with the binaries."""

import json
import re
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main():
    """Says what is wrong, and ends with 1, or how many components there are."""
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        sys.exit(f"check_sbom: it is not valid: {error}")
    bom = json.loads(text)
    known = {(component["name"], component.get("version")) for component in bom["components"]}
    with open(sys.argv[2], encoding="utf-8") as file:
        noticed = re.findall(r"^([A-Za-z0-9_-]+) (\d+\.\S+): ", file.read().split("=" * 78)[0], re.M)
    missing = [crate for crate in noticed if crate not in known]
    if missing or len(noticed) < 100:
        sys.exit(f"check_sbom: {len(noticed)} crates have notices, and it lacks {missing}")
    references = {component["bom-ref"] for component in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    described = {entry["ref"] for entry in bom["dependencies"]}
    needed = {name for entry in bom["dependencies"] for name in entry["dependsOn"]}
    if references != described or not needed <= references:
        sys.exit(f"check_sbom: it depends on what it does not have: {references ^ described | needed - references}")
    print(f"bill of materials: valid CycloneDX 1.6, {len(bom['components'])} components")


main()
