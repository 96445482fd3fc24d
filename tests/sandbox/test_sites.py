"""Pages of other sites can't reach the sandbox of somebody who looks at them."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from bot.sandbox.server import Sandbox
from bot.sandbox.sites import is_loopback, url_of


async def status(sandbox: Sandbox, path: str = "/control/chats", **headers: str) -> int:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as http:
        return (await http.get(path, headers=headers)).status_code


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:8080", "127.1.2.3", "localhost", "LOCALHOST:99", "[::1]:1"])
async def test_the_names_of_this_machine_reach_it(name: str) -> None:
    async with Sandbox().serve() as sandbox:
        assert await status(sandbox, Host=name) == 200


@pytest.mark.parametrize(
    "name",
    ["rebound.example", "rebound.example:8080", "127.0.0.1.rebound.example", "localhost.example", "10.0.0.1", "["],
)
@pytest.mark.parametrize("path", ["/", "/control/chats", "/bot7001:customer-token/getMe"])
async def test_a_foreign_name_that_leads_here_is_refused(name: str, path: str) -> None:
    # Given a site whose name was given an address of this machine, so that Host and Origin agree
    async with Sandbox().serve() as sandbox:
        assert await status(sandbox, path, Host=name) == 403
        assert await status(sandbox, path, Host=name, Origin=f"http://{name}") == 403


@pytest.mark.parametrize("origin", ["http://other.example", "null", "http://127.0.0.1:1"])
async def test_another_site_s_page_is_refused_under_the_right_name_too(origin: str) -> None:
    async with Sandbox().serve() as sandbox:
        assert await status(sandbox, Origin=origin) == 403
        assert await status(sandbox, Origin=sandbox.url) == 200


async def test_a_sandbox_for_other_machines_is_reached_by_any_name_but_not_from_other_sites() -> None:
    async with Sandbox().serve("0.0.0.0") as sandbox:  # noqa: S104 - what is tested
        assert await status(sandbox, Host="sandbox.example") == 200
        assert await status(sandbox, Host="sandbox.example", Origin="http://other.example") == 403


@pytest.mark.parametrize(
    ("options", "reach"),
    [([], "this machine only"), (["--host", "0.0.0.0"], "whoever reaches this machine")],  # noqa: S104 - what is tested
)
def test_it_says_who_can_reach_it(options: list[str], reach: str) -> None:
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert reach in process.stdout.readline()
        process.terminate()
        assert process.wait(20) == 0


def test_addresses_are_told_from_names() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost")] == [True] * 3
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "", "example.org")] == [False] * 5  # noqa: S104
    assert url_of("::1", 8080) == "http://[::1]:8080"
