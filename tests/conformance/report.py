"""What came of the tests, and what that says about the sandbox."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pydantic import BaseModel

# The methods that the sandbox promises: one of them that is not served is a failure (docs/decisions/0016).
_PROMISED = """
answerCallbackQuery answerInlineQuery answerPreCheckoutQuery approveChatJoinRequest banChatMember banChatSenderChat
closeForumTopic closeGeneralForumTopic copyMessage copyMessages createChatInviteLink createForumTopic
declineChatJoinRequest deleteChatPhoto deleteForumTopic deleteMessage deleteMessages deleteMyCommands deleteWebhook
editChatInviteLink editForumTopic editGeneralForumTopic editMessageCaption editMessageLiveLocation editMessageMedia
editMessageReplyMarkup editMessageText exportChatInviteLink forwardMessage forwardMessages getChat
getChatAdministrators getChatMember getChatMemberCount getChatMenuButton getFile getForumTopicIconStickers getMe
getMyCommands getMyDescription getMyName getMyShortDescription getUpdates getUserProfilePhotos getWebhookInfo
hideGeneralForumTopic leaveChat pinChatMessage promoteChatMember reopenForumTopic reopenGeneralForumTopic
restrictChatMember revokeChatInviteLink sendAnimation sendAudio sendChatAction sendContact sendDice sendDocument
sendInvoice sendLocation sendMediaGroup sendMessage sendPhoto sendVenue sendVideo sendVideoNote sendVoice
setChatAdministratorCustomTitle setChatDescription setChatMenuButton setChatPermissions setChatPhoto setChatTitle
setMessageReaction setMyCommands setMyDescription setMyName setMyShortDescription setWebhook stopMessageLiveLocation
unbanChatMember unbanChatSenderChat unhideGeneralForumTopic unpinAllChatMessages unpinAllForumTopicMessages
unpinAllGeneralForumTopicMessages unpinChatMessage
"""
PROMISED = frozenset(_PROMISED.split())


class Outcome(BaseModel):
    """One test. `outcome`: passed, failed, not applicable, skipped, or not served (`reason` is the method then)."""

    name: str
    outcome: str
    reason: str

    @property
    def group(self) -> str:
        """The test's file."""
        return self.name.partition("::")[0].removeprefix("tests/").removesuffix(".py")

    @property
    def verdict(self) -> str:
        """passed, failed, or not applicable."""
        if self.outcome == "not served":
            return "failed" if self.reason in PROMISED else "not applicable"
        if self.outcome == "skipped":  # its own marks say that it can't be told; but a timeout of ours is our fault
            return "failed" if "TimedOut" in self.reason or "flood" in self.reason else "not applicable"
        return self.outcome

    @property
    def why(self) -> str:
        """Why it is not applicable."""
        return f"{self.reason} is not served" if self.outcome == "not served" else self.reason.partition("\n")[0]


def share(outcomes: Sequence[Outcome]) -> float:
    """The passed ones among the applicable ones, from 0 to 1."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    applicable = verdicts["passed"] + verdicts["failed"]
    return verdicts["passed"] / applicable if applicable else 1.0


def table(outcomes: Sequence[Outcome]) -> str:
    """A line a group: passed, failed, not applicable, and the reasons for the last."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.group].append(outcome)
    lines = [f"{'group':30} {'passed':>6} {'failed':>6} {'n/a':>4}  why not applicable"]
    lines += [_line(group, groups[group]) for group in sorted(groups)]
    lines.append(_line("all", outcomes, reasons=False))
    lines.append(f"{share(outcomes):.1%} of the applicable tests pass.")
    return "\n".join(lines)


def _line(group: str, outcomes: Sequence[Outcome], reasons: bool = True) -> str:
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    why = Counter(outcome.why for outcome in outcomes if outcome.verdict == "not applicable")
    told = "; ".join(f"{reason} ({number})" for reason, number in why.most_common()) if reasons else ""
    return (
        f"{group:30} {verdicts['passed']:>6} {verdicts['failed']:>6} {verdicts['not applicable']:>4}  {told}".rstrip()
    )


def failures(outcomes: Iterable[Outcome]) -> str:
    """A line a failed test."""
    return "\n".join(f"{one.name}: {one.reason[:300]}" for one in outcomes if one.verdict == "failed")


def passing(outcomes: Iterable[Outcome]) -> str:
    """The list for the repository."""
    return "".join(f"{name}\n" for name in sorted(one.name for one in outcomes if one.verdict == "passed"))


def broken(listed: Iterable[str], outcomes: Iterable[Outcome]) -> list[str]:
    """The listed tests that did not pass, or were not there."""
    passed = {one.name for one in outcomes if one.verdict == "passed"}
    return [name for name in listed if name and name not in passed]
