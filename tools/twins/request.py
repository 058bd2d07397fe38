"""The head of a request, checked as in shared/http.ts."""

import re

MAX_LINE = 8_192
MAX_HEAD = 32_768
MAX_FIELDS = 100
MAX_BODY = 1_048_576
ALLOWED_METHODS = ["GET", "HEAD", "POST"]
OTHER_METHODS = ["PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

REQUEST_LINE = re.compile(r"([^ ]+) ([^ ]+) HTTP/([0-9]\.[0-9])")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
TARGET = re.compile(r"(?:https?://([^/?]+))?((?:/[^?]*)?)(\?.*)?", re.I)
URI = re.compile(r"(?:[\w\-.~!$&'()*+,;=:@/?]|%[0-9a-fA-F]{2})*", re.ASCII)
HOST = re.compile(
    r"(?:\[[0-9a-fA-F:.]+\]|(?:[\w\-.~!$&'()*+,;=]|%[0-9a-fA-F]{2})*)"
    r"(?::[0-9]*)?",
    re.ASCII,
)
EMPTY_LINE = re.compile(r"\n\r?\n")


class Refused(Exception):
    """Bytes that can't become a request any more: the status to answer."""


def parse_head(inbox):
    """The path, or None while the head is not complete."""
    text = inbox[:MAX_HEAD].decode("latin-1")
    start = 2 if text.startswith("\r\n") else text.startswith("\n")
    line_end = text.find("\n", start)
    if (len(text) if line_end == -1 else line_end) - start > MAX_LINE:
        raise Refused(414)
    if line_end == -1:
        return None
    path, version = parse_request_line(without_cr(text[start:line_end]))
    end = EMPTY_LINE.search(text, line_end)
    if end is None:
        if len(text) < MAX_HEAD:
            return None
        raise Refused(431)
    fields = parse_fields(text[line_end + 1 : end.start() + 1])
    check_length(version, fields)
    check_host(version, fields)
    return path


def parse_request_line(line):
    words = REQUEST_LINE.fullmatch(line)
    if words is None or not TOKEN.fullmatch(words[1]):
        raise Refused(400)
    method, target, version = words.groups()
    if not version.startswith("1."):
        raise Refused(505)
    path = parse_target(method, target)
    if path is None:
        raise Refused(400)
    if method not in ALLOWED_METHODS:
        raise Refused(405 if method in OTHER_METHODS else 501)
    return path, version


def parse_target(method, target):
    if method == "CONNECT":
        return target if HOST.fullmatch(target) else None
    if target == "*":
        return target if method == "OPTIONS" else None
    parts = TARGET.fullmatch(target)
    if parts is None or (parts[2] == "" and parts[1] is None):
        return None
    host, path, query = parts.groups("")
    valid = HOST.fullmatch(host) and URI.fullmatch(path + query)
    return (path or "/") if valid else None


def parse_fields(text):
    fields = {}
    lines = text.split("\n")[:-1]
    if len(lines) > MAX_FIELDS:
        raise Refused(431)
    for line in lines:
        name, colon, value = without_cr(line).partition(":")
        if not colon or not TOKEN.fullmatch(name):
            raise Refused(400)
        if not FIELD_VALUE.fullmatch(value):
            raise Refused(400)
        fields.setdefault(name.lower(), []).append(value.strip("\t "))
    return fields


def check_host(version, fields):
    hosts = fields.get("host", [])
    if not hosts and version == "1.0":
        return
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        raise Refused(400)


def check_length(version, fields):
    lengths = fields.get("content-length")
    codings = fields.get("transfer-encoding")
    if codings:
        if lengths or version == "1.0":
            raise Refused(400)
        check_codings([coding.lower() for coding in list_of(codings)])
    elif lengths:
        length, *others = list_of(lengths)
        if not re.fullmatch("[0-9]+", length):
            raise Refused(400)
        if any(other != length for other in others):
            raise Refused(400)
        if float(length) > MAX_BODY:
            raise Refused(413)


def check_codings(codings):
    if codings.pop() != "chunked" or "chunked" in codings:
        raise Refused(400)
    if codings:
        raise Refused(501)


def list_of(values):
    return [value.strip("\t ") for value in ",".join(values).split(",")]


def without_cr(line):
    return line.removesuffix("\r")
