"""Web apps: what a page is told when it opens, and how what it sends comes back to the bot."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiogram.utils.web_app import check_webapp_signature, safe_parse_webapp_init_data

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, heard, heard_by_both, refused, refused_to_act

SHOP = {"url": "https://shop.example/menu?table=7"}


def told(opened: dict[str, Any]) -> dict[str, str]:
    """What stands behind the # of the address."""
    return {name: value for name, [value] in parse_qs(urlsplit(opened["url"]).fragment).items()}


async def open_by_button(telegram: Telegram, me: dict[str, Any]) -> dict[str, Any]:
    keys = {"inline_keyboard": [[{"text": "Shop", "web_app": SHOP}]]}
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=me["user"], text="Look", reply_markup=keys)
    opened: dict[str, Any] = await telegram.act("open_web_app", **me, message_id=sent["message_id"], button="Shop")
    return opened


async def open_by_key(telegram: Telegram, me: dict[str, Any]) -> dict[str, Any]:
    keys = {"keyboard": [[{"text": "Shop", "web_app": SHOP}]]}
    await telegram.call(TOKEN, "sendMessage", chat_id=me["user"], text="Look", reply_markup=keys)
    opened: dict[str, Any] = await telegram.act("press_key", **me, key="Shop")
    return opened


async def test_a_page_is_told_who_opened_it_signed_as_a_server_checks_it(
    telegram: Telegram, me: dict[str, Any]
) -> None:
    opened = await open_by_button(telegram, me)
    assert opened["url"].startswith("https://shop.example/menu?table=7#tgWebAppData=")
    data = told(opened)["tgWebAppData"]
    assert check_webapp_signature(TOKEN, data)
    assert not check_webapp_signature("7001:another-token", data)
    known = safe_parse_webapp_init_data(TOKEN, data)
    assert known.user is not None
    assert (known.user.id, known.user.first_name, known.query_id) == (me["user"], "Carla", opened["web_app"])


async def test_the_menu_button_opens_one_and_only_over_tls_or_on_this_machine(
    telegram: Telegram, me: dict[str, Any]
) -> None:
    assert "no web app" in await refused_to_act(telegram, "open_web_app", **me)
    for url in ("https://shop.example/", "http://127.0.0.1:3000/"):
        button = {"type": "web_app", "text": "Shop", "web_app": {"url": url}}
        assert await telegram.call(TOKEN, "setChatMenuButton", menu_button=button)
        assert (await telegram.act("open_web_app", **me))["url"].startswith(url)
    wrong = {"type": "web_app", "text": "Shop", "web_app": {"url": "http://shop.example/"}}
    assert "Only HTTPS" in await refused(telegram, "setChatMenuButton", menu_button=wrong)
    words = await refused(telegram, "setChatMenuButton", menu_button={"type": "web_app", "text": "Shop"})
    assert words == "can't parse menu button: Can't find field \"web_app\""


async def test_what_the_page_of_a_key_sends_comes_back_once(telegram: Telegram, me: dict[str, Any]) -> None:
    opened = await open_by_key(telegram, me)
    assert "tgWebAppData" not in told(opened), "such a page is told nothing"
    assert await heard(telegram) == []
    await telegram.act("web_app_data", web_app=opened["web_app"], data="2 pizzas")
    assert (await heard_by_both(telegram))["web_app_data"] == {"data": "2 pizzas", "button_text": "Shop"}
    again = await refused_to_act(telegram, "web_app_data", web_app=opened["web_app"], data="x")
    assert "closed" in again


async def test_the_bot_answers_the_page_of_a_button_with_a_message_via_itself(
    telegram: Telegram, me: dict[str, Any], carla: Person
) -> None:
    opened = await open_by_button(telegram, me)
    result = {"type": "article", "id": "1", "title": "Order", "input_message_content": {"message_text": "2 pizzas"}}
    query = {"web_app_query_id": opened["web_app"], "result": result}
    assert await telegram.call(TOKEN, "answerWebAppQuery", **query) == {}
    message = await heard_by_both(telegram)
    assert (message["text"], message["from"]["id"], message["via_bot"]["id"]) == ("2 pizzas", me["user"], 7001)
    assert "query is too old" in await refused(telegram, "answerWebAppQuery", **query)


async def test_a_page_sends_only_what_its_button_lets_it_send(telegram: Telegram, me: dict[str, Any]) -> None:
    by_button, by_key = await open_by_button(telegram, me), await open_by_key(telegram, me)
    words = await refused_to_act(telegram, "web_app_data", web_app=by_button["web_app"], data="x")
    assert "by a key of the reply keyboard" in words
    words = await refused_to_act(telegram, "web_app_data", web_app=by_key["web_app"], data="ü" * 2049)
    assert words == "data is longer than 4096 bytes"
