"""Shared by the scripts in Python."""
import os
import subprocess
import sys


def tell(main):
    """Runs `main`.  What cannot be read, written or started ends the script with one sentence and exit code 5."""
    try:
        main()
        return
    except OSError as error:
        hint = ": build it with scripts/build" if str(error.filename).endswith("build/shmeter") else ""
        why = f"{error.filename}: {error.strerror}{hint}"
    except subprocess.CalledProcessError as error:
        why = f"{error.cmd[0]}: {(error.stderr or 'it failed').strip()}"
    print(f"{os.path.basename(sys.argv[0])}: {why}", file=sys.stderr)
    sys.exit(5)
