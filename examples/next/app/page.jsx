import { Chat } from './chat.jsx';

// Rendered on the server, which imports bitnet-web and calls nothing of it.
export default function Page() {
  return <Chat />;
}
