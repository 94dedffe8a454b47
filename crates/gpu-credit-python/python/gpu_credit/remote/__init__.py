"""The store of a service, `gpu-credit serve`, with the methods of CreditStore.

>>> from gpu_credit.remote import Store                     # doctest: +SKIP
>>> with Store("http://127.0.0.1:8080", token) as store:    # doctest: +SKIP
...     store.subtract("ada", "job-17", amount=20, timestamp=12)
True
"""

from .store import Store

__all__ = ["Store"]
