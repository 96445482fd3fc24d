"""A local Telegram: the Bot API over HTTP for unmodified libraries, an API to act as people, and a page to watch.

`state` holds who and what there is; `methods` are the Bot API's methods, one function each; `wire` reads requests and
writes answers; `updates` hands updates to bots that poll, `delivery` to those with a webhook; `control` acts as people;
`server` ties it up.
"""
