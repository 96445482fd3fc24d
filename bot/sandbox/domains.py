"""The ends of domains by which Telegram tells an address from two words with a dot between them.

All countries and the more common of the others, from IANA's list of the top-level domains (which has over 1,400).
"""

from __future__ import annotations

_COUNTRIES = """
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg
ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi
gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw
ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng
ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn
so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws
ye yt za zm zw бг бел ею қаз мкд мон рф срб укр
"""
_OTHERS = """
academy aero agency app art asia bar beer bike bio biz blog cafe cards care cash cat catering center chat city click
cloud club coffee com community company cool coop delivery design dev diet digital direct earth edu education email
energy events expert farm fashion finance fish fit food foundation fun games garden gov group guide guru health help
host house info ink int international jobs kim kitchen land life link live lol love management market media menu mil
mobi moe museum name net network news ninja one onion online onl org page party pet photo photos pink pizza place plus
post press pro pub recipes red rest restaurant reviews rocks run sale school science services shop shopping show site
social software solutions space store studio style support systems team tech technology tel tips today ton tools top
tours town travel tube university uno vet video vin vip vodka wiki win wine work works world wtf xxx xyz yoga zone
дети москва онлайн орг рус сайт
"""
ENDS = frozenset((_COUNTRIES + _OTHERS).split())


def is_known(end: str) -> bool:
    """Whether a domain may end so. One that only begins with a capital is the first word of a sentence."""
    return end.lower() in ENDS and (end == end.lower() or end[1:] != end[1:].lower())
