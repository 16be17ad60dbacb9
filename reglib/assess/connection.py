"""JupyterLab's line to a kernel, on which no message waits until the browser confirms the last."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends every message at once: an explorer's picture comes some 20 ms sooner."""

    def connect(self):
        """Open the line; TCP by itself gathers small messages while one is not confirmed."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
