import subprocess
import sys

import pytest

# Modules that no flow needs to start. Add a line when you defer an import.
NOT_LOADED = [
]


@pytest.mark.parametrize("module", NOT_LOADED)
def test_import_of_metaflow_does_not_load(module):
    # Without extensions, which may import anything
    script = (
        "import sys; sys.modules['metaflow_extensions'] = None; import metaflow; "
        "sys.exit(%r in sys.modules)" % module
    )
    assert subprocess.call([sys.executable, "-c", script]) == 0
