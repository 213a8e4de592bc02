"""What is kept on this machine: files fetched through pip and checked, what is made of them, and the record of both."""

from ._cache import CALIBRATION_FORMAT as CALIBRATION_FORMAT
from ._cache import FINGERPRINT_FORMAT as FINGERPRINT_FORMAT
from ._cache import FOLDERS as FOLDERS
from ._cache import MEASURED_FORMAT as MEASURED_FORMAT
from ._cache import CacheContent as CacheContent
from ._cache import CacheEntry as CacheEntry
from ._cache import Cleared as Cleared
from ._cache import cache_content as cache_content
from ._cache import cache_dir as cache_dir
from ._cache import cache_entries as cache_entries
from ._cache import clear_cache as clear_cache
from ._cache import seal_json as seal_json
from ._cache import sealed_json as sealed_json
from ._cache import staged as staged
from ._entries import EntryCheck as EntryCheck
from ._entries import check_entry as check_entry
from ._entries import drop_entry as drop_entry
from ._entries import read_manifest as read_manifest
from ._entries import settled as settled
from ._entries import tree_digest as tree_digest
from ._entries import usable as usable
from ._fetch import PyPIFile as PyPIFile
from ._fetch import check_digest as check_digest
from ._fetch import fetch_sdist as fetch_sdist
from ._fetch import fetch_wheel_file as fetch_wheel_file
