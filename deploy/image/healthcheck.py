"""Ends with 0 if the member in this container answers a path with 200; for health checks.

Uses the standard library alone and asks no site packages, so that a check costs little.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 4


def main(path: str) -> int:
    """Ask the member's own port; say on stderr what is wrong."""
    port = int(os.environ.get("CATALYST_HTTP_PORT", "8080"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", "replace")
    except OSError as error:
        print(f"port {port} does not answer: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        print(f"{path} answers {answer.status}: {body}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
