"""What people do with groups and channels: make them, come and go, bring bots in and take them out."""

from __future__ import annotations

from bot.sandbox import forum, invites, memberships, rights, verbs
from bot.sandbox.directory import Directory
from bot.sandbox.fields import Json
from bot.sandbox.hearing import Place, write
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError, Verbs


class Groups:
    """Carries out the verbs about groups."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "group": (verbs.MakeGroup, self._make_group),
            "channel": (verbs.MakeChannel, self._make_channel),
            "forum": (verbs.SetForum, self._set_forum),
            "promote": (verbs.Promote, self._promote),
            "add_bot": (verbs.AddBot, self._add_bot),
            "remove_bot": (verbs.RemoveBot, self._remove_bot),
            "join": (verbs.Join, self._join),
            "follow": (verbs.Follow, self._follow),
            "leave": (verbs.Leave, self._leave),
            "migrate": (verbs.Migrate, self._migrate),
        }

    def _make_group(self, verb: verbs.MakeGroup) -> Json:
        members = {self._find.person(user)["id"] for user in verb.members}
        room = self._world.group(verb.title, members, owner=verb.members[0])
        for name in verb.bots:
            self._add_bot(verbs.AddBot(chat=room.id, bot=name, by=verb.members[0]))
        return self._world.chat(room)

    def _make_channel(self, verb: verbs.MakeChannel) -> Json:
        members = {self._find.person(user)["id"] for user in verb.members}
        room = self._world.channel(verb.title, members, owner=verb.members[0])
        for name in verb.bots:
            self._add_bot(verbs.AddBot(chat=room.id, bot=name, by=verb.members[0]))
        return self._world.chat(room)

    def _set_forum(self, verb: verbs.SetForum) -> Json:
        room = self._find.group(verb.chat)
        if room.kind != "supergroup":
            raise ControlError("only a supergroup can have topics: a group becomes one with /control/migrate")
        if verb.on:
            forum.make_forum(self._world, room)
        else:
            forum.unmake_forum(self._world, room)
        return self._world.chat(room)

    def _promote(self, verb: verbs.Promote) -> Json:
        room = self._find.group(verb.chat)
        if verb.user == room.owner or verb.user not in room.members | room.bots:
            raise ControlError(f"{verb.user} is no member of that chat who could be promoted")
        known = (*rights.names(room), "is_anonymous")
        wanted = rights.names(room) if verb.rights is None else verb.rights
        if strange := set(wanted) - set(known):
            raise ControlError(f"no right {min(strange)!r}; there are {', '.join(known)}")
        by = self._world.users[room.owner or min(room.members)]
        memberships.promote(self._world, room, verb.user, rights.granted(room, wanted), by)
        return memberships.member_of(self._world, room, verb.user)

    def _add_bot(self, verb: verbs.AddBot) -> Json:
        room, bot, person = self._find.group(verb.chat), self._find.bot(verb.bot), self._find.person(verb.by)
        message = memberships.bot_joins(self._world, room, bot, person)
        if verb.start is not None:
            return write(self._world, Place(room, person), f"/start@{bot.user['username']} {verb.start}".rstrip())
        return message

    def _remove_bot(self, verb: verbs.RemoveBot) -> Json:
        room, bot, person = self._find.group(verb.chat), self._find.bot(verb.bot), self._find.person(verb.by)
        if bot.id not in room.bots:
            raise ControlError("that bot is not in the group")
        return memberships.bot_leaves(self._world, room, bot, person, "kicked")

    def _join(self, verb: verbs.Join) -> Json:
        room, person = self._find.group(verb.chat), self._find.online(verb.user)
        if verb.user in room.members:
            raise ControlError("this person is in the group already")
        if verb.by is None and room.status_of(verb.user) == "kicked":
            raise ControlError("this person was put out, and comes back only when somebody lets them in")
        by = person if verb.by is None else self._member(room, verb.by)
        return memberships.person_joins(self._world, room, person, by)

    def _follow(self, verb: verbs.Follow) -> Json:
        person, room = self._find.online(verb.user), invites.room_of(self._world, verb.link)
        if room is None or room.status_of(verb.user) == "kicked":
            raise ControlError("that link leads nowhere, or no longer does")
        if verb.user in room.members:
            raise ControlError("this person is in that chat already")
        return {"chat": self._world.chat(room), "joined": invites.follow(self._world, room, verb.link, person)}

    def _leave(self, verb: verbs.Leave) -> Json:
        room = self._find.group(verb.chat)
        person = self._member(room, verb.user)
        by = self._find.online(verb.user) if verb.by is None else self._member(room, verb.by)
        return memberships.person_leaves(self._world, room, person, by)

    def _migrate(self, verb: verbs.Migrate) -> Json:
        old = self._find.group(verb.chat)
        if old.kind != "group":
            raise ControlError("that is a supergroup already")
        new = Room(int(f"-100{-old.id:010}"), "supergroup", old.title, owner=old.owner, former=old.key)
        new.members, new.bots, new.administrators = set(old.members), set(old.bots), dict(old.administrators)
        self._world.rooms[new.key] = new
        someone = self._world.users[min(old.members)]
        gone = self._world.post(old, someone, migrate_to_chat_id=new.id)
        come = self._world.post(new, someone, migrate_from_chat_id=old.id)
        old.moved_to = new.id
        for bot in self._world.bots_in(new):
            self._world.update(bot, message=gone)
            self._world.update(bot, message=come)
        return self._world.chat(new)

    def _member(self, room: Room, user: int) -> Json:
        if user not in room.members:
            raise ControlError(f"person {user} is not in that group")
        return self._find.person(user)
