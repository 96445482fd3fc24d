"""A local Telegram: the Bot API over HTTP for unmodified libraries, an API to act as people, and a page to watch.

`state` holds who and what there is (`bots`, `rooms`); a module for each subject of the Bot API has its methods, one
function each (`methods`, `profile`, `chats`, `messages`, `media`, `shares`, `payments`, `webhooks`); `texts`,
`keyboards` and `replies` check what a message holds; `wire` reads requests and writes answers; `updates` hands updates
to bots that poll, `delivery` to those with a webhook; `control` and `groups` act as people; `server` ties it up.
"""
