"""Run as a script by `genlora.cache._fetch`: let pip find one source archive, and copy its bytes without unpacking it.

`pip download` would run an archive's own setup code to learn its metadata, so only pip's finder and its session are
used: the configured index, mirror, find-links, proxy, certificates and credentials all apply, and nothing is built.
Arguments: project, version, sha256, target file. Exit codes: 0 done, 3 not offered, 4 this pip is not understood.
"""

import sys

try:
    from pip._internal.commands.download import DownloadCommand
    from pip._internal.exceptions import PipError
    from pip._internal.utils.logging import setup_logging
except ImportError as err:
    # `python -m pip` itself says "No module named pip".
    sys.stdout.write(f"{err}\n")
    sys.exit(4 if getattr(err, "name", "") != "pip" else 1)


def find_and_copy(project: str, version: str, sha256: str, target: str) -> int:
    """Write the archive's bytes to `target`, unverified: the caller checks the digest."""
    # As `pip -vv` does: the finder says why it skipped an index only at this level.
    setup_logging(verbosity=2, no_color=True, user_log_file=None)
    command = DownloadCommand("download", "find and copy one source archive")
    arguments = ["--no-deps", "--no-binary", ":all:", "--no-input", "--disable-pip-version-check", project]
    options, _ = command.parse_args(arguments)
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        offered = [c for c in finder.find_all_candidates(project) if str(c.version) == version and not c.link.is_wheel]
        # An index that publishes digests lets us choose among several archives; one that does not, offers one.
        matching = [c for c in offered if c.link.hash == sha256] or [c for c in offered if not c.link.hash] or offered
        if not matching:
            sys.stdout.write(f"ERROR: No matching distribution found for {project}=={version}\n")
            return 3
        url = matching[-1].link.url_without_fragment
        response = session.get(url, headers={"Accept-Encoding": "identity"}, stream=True)
        response.raise_for_status()
        with open(target, "wb") as out:  # noqa: PTH123
            while chunk := response.raw.read(1 << 20):
                out.write(chunk)
    return 0


def main() -> int:
    """Run it, turning pip's own errors into one line."""
    try:
        return find_and_copy(*sys.argv[1:5])
    except (AttributeError, TypeError) as err:
        sys.stdout.write(f"ERROR: this pip is not understood ({err})\n")
        return 4
    except (PipError, OSError) as err:
        sys.stdout.write(f"ERROR: {type(err).__name__}: {err}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
