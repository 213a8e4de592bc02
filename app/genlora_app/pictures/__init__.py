"""The tab of pictures; needs the extra `image` too."""

from ._tab import data_url as data_url
from ._tab import gallery as gallery
from ._tab import personalised as personalised
from ._tab import pictures_of as pictures_of
from ._tab import subject_tab as subject_tab
