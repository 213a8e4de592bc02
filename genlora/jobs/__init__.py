"""Lists of independent jobs: known by their content, made here or elsewhere, and never made twice."""

from ._done import DoneJobs as DoneJobs
from ._done import job_digest as job_digest
from ._folder import FolderJob as FolderJob
from ._folder import run_in_folder as run_in_folder
from ._pool import Here as Here
from ._pool import Pool as Pool
from ._ray import RayPool as RayPool
