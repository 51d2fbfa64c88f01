"""Which files go to one worker as a whole: what they start is started once. Each other test goes wherever
there is room. By file, because marks of xdist 3.8 do not get through pytest 9.2 to where they would count."""

import pytest
from xdist.scheduler import LoadGroupScheduling

GROUPS = {
    "test_accessibility.py": "accessibility",
    "test_admin_walk.py": "walks",
    "test_away_and_back.py": "away and back",
    "test_click_through.py": "walks",
    "test_hostile.py": "hostile",
    "test_strip.py": "accessibility",
    "test_wall.py": "wall",
}


class ByGroup(LoadGroupScheduling):
    def _split_scope(self, nodeid: str) -> str:
        folder, _, name = nodeid.split("::")[0].rpartition("/")
        return GROUPS.get(name, nodeid) if folder == "tests/browser" else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByGroup(config, log) if config.getoption("dist") == "loadgroup" else None
