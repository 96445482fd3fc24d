"""Settings: read from the environment or `.env`, wrong ones said in one line that names the variable and no secret."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flows.settings import BadSettings, Settings, read_settings


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_has_to_be_set_to_look_at_the_data() -> None:
    settings = read_settings()

    assert settings.telegram_api_url == "https://api.telegram.org"
    assert settings.redis_url is None
    assert settings.data_dir == Path("data")
    assert settings.workers == 1
    assert not settings.unsafe_store


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DATA_DIR=from-file\nWORKERS=3\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("DATA_DIR", "from-environment")

    settings = read_settings()

    assert (settings.data_dir, settings.workers) == (Path("from-environment"), 3)


def test_both_passwords_of_a_store_behind_sentinels_are_secrets_however_they_are_spelt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "redis+sentinel://anna:p%40ss@one:26379,two/orders/0?sentinel_password=h%26ush+hush"
    monkeypatch.setenv("REDIS_URL", url)

    assert {"p%40ss", "p@ss", "h%26ush+hush", "h&ush hush"} <= set(read_settings().secrets())


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")

    assert read_settings().redis_url is None


def test_the_root_of_the_api_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_API_URL", " http://127.0.0.1:8080/ ")

    assert read_settings().telegram_api_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUSTOMER_BOT_TOKEN", "hunter2"),
        ("RESTAURANT_BOT_TOKEN", "123:hunter 2"),
        ("RESTAURANT_BOT_TOKEN", "https://api.telegram.org/bot123:hunter2"),
        ("TELEGRAM_API_URL", "hunter2"),
        ("TELEGRAM_API_URL", "https://"),
        ("TELEGRAM_API_URL", "https://api.telegram.org/?token=hunter2"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("REDIS_URL", "redis://"),
        ("WORKERS", "0"),
        ("WORKERS", "-1"),
        ("WORKERS", "1000"),
        ("REDIS_REPLICAS", "-1"),
        ("REDIS_REPLICAS", "9"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_API_URL", "https://user:hunter/2@host"),
        ("TELEGRAM_API_URL", "https://user:hunter#2@host"),
        ("TELEGRAM_API_URL", "https://host:99999"),
        ("WEBHOOK_URL", "orders.example.com"),
        ("WEBHOOK_URL", "https://user:1/hunter@host"),
        ("WEBHOOK_LISTEN", "0.0.0.0:99999"),
        ("WEBHOOK_LISTEN", "0.0.0.0:65535"),
        ("WEBHOOK_LISTEN", "0.0.0.0:0"),
        ("WEBHOOK_LISTEN", "127.0.0.1"),
        ("WEBHOOK_LISTEN", "0.0.0.0:"),
        ("WEBHOOK_LISTEN", "::1:8081"),
        ("WEBHOOK_LISTEN", "[::]"),
        ("WEBHOOK_LISTEN", "8081"),
        ("DATA_DIR", "~nosuchuserhere/data"),
        ("WORKERS", "many"),
        ("UNSAFE_STORE", "perhaps"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadSettings) as refusal:
        read_settings()

    said = str(refusal.value)
    assert said.startswith(f"{name} is wrong: expected ")
    assert "hunter" not in said
    assert "\n" not in said
    assert refusal.value.__suppress_context__


def test_a_data_dir_behind_links_in_a_circle_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "one")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "one" / "data"))

    with pytest.raises(BadSettings, match="DATA_DIR is wrong: expected the path of a folder"):
        read_settings()


def test_an_env_file_that_may_not_be_read_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(BadSettings, match=r"the file \.env can't be read \(Permission denied\): let this user read it"):
        read_settings()


@pytest.mark.parametrize("value", ["*:8081", "::1:8081", ":80a", ":99999"])
def test_where_to_listen_is_asked_for_without_words_on_passwords(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_LISTEN", value)

    with pytest.raises(BadSettings) as refusal:
        read_settings()

    assert str(refusal.value).endswith("such as 127.0.0.1:8081, [::]:8081 or :8081, with a port from 1 to 65534")


@pytest.mark.parametrize("url", ["redis://:hunter#2@host", "redis://:hunter/2@host", "redis://:1/hunter@host"])
def test_a_url_that_would_be_cut_within_its_password_is_refused_with_how_to_write_it(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)

    with pytest.raises(BadSettings, match="REDIS_URL is wrong: in its user and password write # as %23, / as ") as bad:
        read_settings()

    assert "hunter" not in str(bad.value)


def test_a_file_of_certificates_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://host?ssl_ca_certs=ours.pem")

    with pytest.raises(BadSettings, match="REDIS_URL is wrong: ssl_ca_certs names no file that is there"):
        read_settings()


@pytest.mark.parametrize(
    ("value", "customer", "restaurant"),
    [
        ("127.0.0.1:8081", ("127.0.0.1", 8081), ("127.0.0.1", 8082)),
        ("[::]:8081", ("::", 8081), ("::", 8082)),
        ("[::1]:9000", ("::1", 9000), ("::1", 9001)),
        (":8081", (None, 8081), (None, 8082)),
        ("localhost:65534", ("localhost", 65534), ("localhost", 65535)),
    ],
)
def test_where_to_listen_can_be_any_address_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, value: str, customer: tuple[str | None, int], restaurant: tuple[str | None, int]
) -> None:
    monkeypatch.setenv("WEBHOOK_LISTEN", value)

    settings = read_settings()

    assert settings.webhook_address("customer") == customer
    assert settings.webhook_address("restaurant") == restaurant


@pytest.mark.parametrize("url", ["http://orders.example.com", "https://orders.example.com:8081", "http://1.2.3.4:443"])
def test_a_webhook_that_telegram_would_not_send_to_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("WEBHOOK_URL", url)

    with pytest.raises(BadSettings, match="WEBHOOK_URL is wrong: Telegram sends to https:// only, and to port 443, 80"):
        read_settings()


@pytest.mark.parametrize("url", ["https://orders.example.com/bots/", "https://1.2.3.4:8443"])
def test_a_webhook_that_telegram_sends_to_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("WEBHOOK_URL", url)

    assert read_settings().webhook("customer") == f"{url.rstrip('/')}/customer"


def test_a_bot_api_server_of_ones_own_sends_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("WEBHOOK_URL", "http://127.0.0.1:8081")

    assert read_settings().webhook("restaurant") == "http://127.0.0.1:8081/restaurant"


@pytest.mark.parametrize("value", ["info", "Info", " INFO ", '"info"'])
def test_a_log_level_is_known_however_it_is_written(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LOG_LEVEL", value)

    assert read_settings().log_level == "INFO"


@pytest.mark.parametrize("value", ['"1:customer"', "'1:customer'", " 1:customer ", '" 1:customer"'])
def test_quotes_and_spaces_around_a_value_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", value)

    assert read_settings().token("customer") == "1:customer"


@pytest.mark.parametrize("value", ["", " ", '""'])
@pytest.mark.parametrize("name", ["CUSTOMER_BOT_TOKEN", "REDIS_URL", "WORKERS", "LOG_LEVEL", "DATA_DIR"])
def test_a_blank_value_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    unset = read_settings()
    monkeypatch.setenv(name, value)

    assert read_settings() == unset


# The file


def test_lines_as_a_shell_reads_them_are_read() -> None:
    Path(".env").write_text("# ours\nexport WORKERS=3\nDATA_DIR='a b'\nLOG_LEVEL=debug # much\n\nWEBHOOK_URL=\n")

    settings = read_settings()

    assert (settings.workers, settings.data_dir, settings.log_level) == (3, Path("a b"), "DEBUG")
    assert settings.webhook_url is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("REDISURL", "REDIS_URL"),
        ("redis_uri", "REDIS_URL"),
        ("RESTURANT_BOT_TOKEN", "RESTAURANT_BOT_TOKEN"),
        ("CUSTOMER_TOKEN", "CUSTOMER_BOT_TOKEN"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("WORKER", "WORKERS"),
        ("DATADIR", "DATA_DIR"),
        ("WEBHOOK", "WEBHOOK_URL"),
    ],
)
def test_a_misspelt_name_in_the_file_is_refused_with_what_was_meant(wrong: str, right: str) -> None:
    Path(".env").write_text(f"export {wrong}=hunter2\n")

    with pytest.raises(BadSettings) as refusal:
        read_settings()

    assert str(refusal.value) == f"{wrong.upper()} in .env is no setting: did you mean {right}?"


def test_a_name_that_is_like_a_setting_beside_it_is_somebody_elses() -> None:
    Path(".env").write_text("REDIS_URL=redis://host\nREDIS_TLS_URL=rediss://host\nCOMPOSE_PROJECT_NAME=orders\n")

    assert read_settings().redis_url == "redis://host"


def test_a_line_that_is_none_of_a_variable_is_named_by_its_number() -> None:
    Path(".env").write_text("WORKERS=3\nLOG_LEVEL: hunter2\n")

    with pytest.raises(BadSettings) as refusal:
        read_settings()

    assert str(refusal.value) == "line 2 of .env can't be read: expected NAME=value"


def test_a_folder_in_the_files_place_is_named() -> None:
    Path(".env").mkdir()

    with pytest.raises(BadSettings, match=r"`\.env` is a folder: remove it"):
        read_settings()


def test_a_file_that_is_no_text_is_said() -> None:
    Path(".env").write_bytes(b"DATA_DIR=\xff\xfe")

    with pytest.raises(BadSettings, match=r"\.env can't be read"):
        read_settings()


def test_tokens_are_asked_for_by_those_who_need_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", "1:customer")

    settings = read_settings()

    assert settings.token("customer") == "1:customer"
    with pytest.raises(BadSettings, match="RESTAURANT_BOT_TOKEN is not set"):
        settings.tokens()


def test_one_bot_cannot_be_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_BOT_TOKEN", "1:first")
    monkeypatch.setenv("RESTAURANT_BOT_TOKEN", "1:second")

    with pytest.raises(BadSettings, match="are of the same bot"):
        read_settings().tokens()


def test_settings_can_be_logged() -> None:
    settings = Settings(
        _env_file=None,
        customer_bot_token="1:hunter2",
        redis_url="redis://:hunter2@host",
        telegram_api_url="https://anna:hunter2@host",
        webhook_url="https://anna:hunter2@host",
    )

    assert "hunter2" not in repr(settings)
