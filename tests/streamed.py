"""What an answer in pieces holds."""

from asgiref.sync import async_to_sync


def body_of(answer) -> bytes:
    """All of it, whether it comes in pieces or not."""

    async def whole() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    if not answer.streaming:
        return answer.content
    return async_to_sync(whole)() if answer.is_async else b"".join(answer.streaming_content)
