"""A local Telegram: the Bot API over HTTP for unmodified libraries, an API to act as people, and a page to watch.

`state` holds who and what there is (`bots`, `rooms`), `rights` says who may do what. A module for each subject of the
Bot API has its methods, one function each; `register` makes one list of them. `texts`, `keyboards`, `replies` and
`uploads` check what a message holds; `wire` reads requests and writes answers; `updates` hands updates to polling bots,
`delivery` to those with a webhook; `control` and `groups` act as people; `server` ties it up.
"""
