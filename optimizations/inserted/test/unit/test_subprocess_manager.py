import asyncio
import sys

import pytest

from metaflow.runner.subprocess_manager import CommandManager, SubprocessManager
from metaflow.runner.utils import check_process_exited

HELLO = [sys.executable, "-c", "print('hello')"]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_command_without_a_loop():
    manager = SubprocessManager()
    command = manager.get(manager.run_command(HELLO))
    command.sync_wait()
    assert check_process_exited(command)
    with open(command.log_files["stdout"]) as log:
        assert log.read() == "hello\n"
    manager.cleanup()


def run_in_loop(command, **arguments):
    async def run():
        async with SubprocessManager() as manager:
            running = manager.get(await manager.async_run_command(command))
            await running.wait(**arguments)
            await running.process.wait()
            assert check_process_exited(running)
            return running

    return asyncio.run(run())


@pytest.mark.parametrize("timeout", [None, 60])
def test_output_of_a_command_in_a_loop(capsys, timeout):
    assert not run_in_loop(HELLO, stream="stdout", timeout=timeout).timeout
    assert capsys.readouterr().out == "hello\n"


def test_timeout_of_a_command_in_a_loop(mocker):
    mocker.patch.object(CommandManager, "kill", lambda self, **_: self.process.kill())
    assert run_in_loop(SLEEP, timeout=0.1).timeout
