import pytest

from tests.cli.support import Runner


@pytest.fixture
def npulint(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)
