"""Settings: read from the environment or `.env`, wrong ones said in one line that names the variable and no secret."""

from __future__ import annotations

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
    )

    assert "hunter2" not in repr(settings)
